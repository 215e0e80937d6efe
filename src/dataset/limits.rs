//! What can be: limits that no record of AWS reaches, for records at the door and for columns of parts alike.

/// CPU units: four times the largest EC2 instance.
pub(crate) const MOST_CPU_UNITS: u32 = 4 << 20;
/// MiB: twice the memory of the largest EC2 instance.
pub(crate) const MOST_MEMORY_MIB: u32 = 64 << 20;
/// GiB: twenty times what Fargate gives.
pub(crate) const MOST_STORAGE_GIB: u32 = 4 << 10;
/// Seconds: CloudWatch aggregates over no more than a day.
pub(crate) const LONGEST_PERIOD_S: i64 = 86_400;
/// 2100-01-01.
pub(crate) const LATEST_MS: i64 = 4_102_444_800_000;
