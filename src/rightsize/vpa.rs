//! The decaying histogram of Kubernetes Vertical Pod Autoscaler, which Crane uses, too.
//!
//! Source: kubernetes/autoscaler, `vertical-pod-autoscaler/pkg/recommender/util`, `logic` and `model`.

/// Bytes in a MiB.
pub const BYTES_PER_MIB: f64 = 1_048_576.0;
/// Least CPU that is recommended, cores.
pub const CPU_FLOOR_CORES: f64 = 0.025;
/// Least memory that is recommended, bytes.
pub const MEMORY_FLOOR_BYTES: f64 = 250.0 * BYTES_PER_MIB;
/// Each bucket is 5 % wider than the one before.
const RATIO: f64 = 1.05;
/// Safety margin, as a factor.
const MARGIN: f64 = 1.15;
/// Weights below this are nothing.
const EPSILON: f64 = 1e-4;

/// How buckets are cut.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cut {
    /// Bucket `n` starts at `first × (1.05ⁿ − 1) / 0.05`.
    Exponential { first: f64 },
    /// All buckets are as wide as this.
    Linear { width: f64 },
}

/// Sample weights that halve with age.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    cut: Cut,
    half_life_days: f64,
    /// Weight per bucket, as of `newest`.
    weights: Vec<f64>,
    /// Day up to which the weights are decayed.
    newest: f64,
}

impl Histogram {
    /// For cores: up to 1,000, the first bucket of a hundredth.
    pub fn cpu() -> Self {
        Self::exponential(0.01, 1000.0)
    }

    /// For bytes: up to 10¹², the first bucket of 10⁷.
    pub fn memory() -> Self {
        Self::exponential(1e7, 1e12)
    }

    fn exponential(first: f64, max: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "176 for both"
        )]
        let buckets = exponent(max, first).ceil() as usize + 1;
        Self::new(Cut::Exponential { first }, buckets, 1.0)
    }

    /// `buckets` of equal width.
    pub fn linear(width: f64, buckets: usize, half_life_days: f64) -> Self {
        Self::new(Cut::Linear { width }, buckets, half_life_days)
    }

    fn new(cut: Cut, buckets: usize, half_life_days: f64) -> Self {
        Self {
            cut,
            half_life_days,
            weights: vec![0.0; buckets],
            newest: f64::NEG_INFINITY,
        }
    }

    /// Adds a sample of this `weight`, taken at `day` (fractions allowed).
    pub fn add(&mut self, day: f64, value: f64, weight: f64) {
        if day > self.newest {
            let kept = self.kept(day - self.newest);
            self.weights.iter_mut().for_each(|weight| *weight *= kept);
            self.newest = day;
        }
        let kept = self.kept(self.newest - day);
        let bucket = self.bucket(value);
        if let Some(own) = self.weights.get_mut(bucket) {
            *own += weight * kept;
        }
    }

    /// What is left of a weight after so many days.
    fn kept(&self, days: f64) -> f64 {
        if days.is_finite() {
            (-days / self.half_life_days).exp2()
        } else {
            0.0
        }
    }

    /// The bucket of `value`, the last one for everything beyond.
    fn bucket(&self, value: f64) -> usize {
        let at = match self.cut {
            Cut::Exponential { first } if value < first => 0.0,
            Cut::Exponential { first } => exponent(value, first).floor(),
            Cut::Linear { width } => (value / width).floor(),
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the buckets"
        )]
        let bucket = at.max(0.0).min((self.weights.len() - 1) as f64) as usize;
        bucket
    }

    fn start(&self, bucket: usize) -> f64 {
        let bucket = bucket as f64;
        match self.cut {
            Cut::Exponential { first } => first * (RATIO.powf(bucket) - 1.0) / (RATIO - 1.0),
            Cut::Linear { width } => bucket * width,
        }
    }

    /// The end of the first bucket at which this share (0–1) of the weight is reached; `None` when empty.
    pub fn percentile(&self, share: f64) -> Option<f64> {
        let total: f64 = self.weights.iter().sum();
        if total <= EPSILON {
            return None;
        }
        let mut seen = 0.0;
        let reached = |weight: &f64| {
            seen += weight;
            seen >= share * total
        };
        let last = self.weights.iter().rposition(|&weight| weight > 0.0)?;
        let bucket = self.weights.iter().position(reached).unwrap_or(last);
        let is_last = bucket + 1 == self.weights.len();
        Some(self.start(if is_last { bucket } else { bucket + 1 }))
    }

    /// What is recommended: P90 and the margin.
    pub fn target(&self, floor: f64) -> Option<f64> {
        Some((self.percentile(0.9)? * MARGIN).max(floor))
    }

    /// Lower and upper bound after `confidence` days of samples.
    pub fn bounds(&self, floor: f64, confidence: f64) -> Option<(f64, f64)> {
        let lower = self.percentile(0.5)? * MARGIN * (1.0 + 0.001 / confidence).powi(-2);
        let upper = self.percentile(0.95)? * MARGIN * (1.0 + 1.0 / confidence);
        Some((lower.max(floor), upper.max(floor)))
    }
}

/// Which power of the ratio `value` is.
fn exponent(value: f64, first: f64) -> f64 {
    (value * (RATIO - 1.0) / first + 1.0).ln() / RATIO.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The end of the bucket of one value.
    fn end(mut histogram: Histogram, value: f64) -> (usize, f64) {
        histogram.add(0.0, value, 1.0);
        (histogram.bucket(value), histogram.percentile(0.9).unwrap())
    }

    #[test]
    fn both_histograms_have_the_same_number_of_buckets() {
        assert_eq!(Histogram::cpu().weights.len(), 176);
        assert_eq!(Histogram::memory().weights.len(), 176);
    }

    #[test]
    fn cpu_falls_into_the_buckets_of_the_original() {
        let expected = [
            (0.001, 0, 0.010_000),
            (0.05, 4, 0.055_256),
            (0.1, 8, 0.110_266),
            (0.25, 16, 0.258_404),
            (0.5, 25, 0.511_135),
            (1.0, 36, 1.016_281),
            (4.0, 62, 4.124_699),
        ];
        for (value, bucket, upper) in expected {
            let (at, read) = end(Histogram::cpu(), value);
            assert_eq!(at, bucket, "{value}");
            assert!((read - upper).abs() < 1e-6, "{value}: {read}");
        }
    }

    #[test]
    fn memory_falls_into_the_buckets_of_the_original() {
        let expected = [
            (50e6, 4, 55_256_313.0),
            (100.0 * BYTES_PER_MIB, 8, 110_265_643.0),
            (256.0 * BYTES_PER_MIB, 17, 281_323_847.0),
            (512.0 * BYTES_PER_MIB, 26, 546_691_264.0),
            (1024.0 * BYTES_PER_MIB, 37, 1_077_095_458.0),
            (4096.0 * BYTES_PER_MIB, 63, 4_340_933_440.0),
        ];
        for (value, bucket, upper) in expected {
            let (at, read) = end(Histogram::memory(), value);
            assert_eq!(at, bucket, "{value}");
            assert!((read - upper).abs() < 1.0, "{value}: {read}");
        }
    }

    #[test]
    fn five_busy_minutes_an_hour_are_not_seen_by_the_target() {
        let mut cpu = Histogram::cpu();
        for minute in 0..7 * 1440 {
            let vcpu = if minute % 60 < 5 { 0.8 } else { 0.1 };
            cpu.add(f64::from(minute) / 1440.0, vcpu, 0.1);
        }
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} for {b}");
        near(cpu.percentile(0.5).unwrap(), 0.110_266);
        near(cpu.percentile(0.95).unwrap(), 0.800_638);
        near(cpu.target(CPU_FLOOR_CORES).unwrap(), 0.126_805);
        let confidence = f64::from(7 * 1440 - 1) / 1440.0;
        let (lower, upper) = cpu.bounds(CPU_FLOOR_CORES, confidence).unwrap();
        near(lower, 0.126_769);
        near(upper, 1.052_280);
    }

    fn daily_peaks(mib: [f64; 8]) -> Histogram {
        let mut memory = Histogram::memory();
        for (day, mib) in (1..).zip(mib) {
            memory.add(f64::from(day), mib * BYTES_PER_MIB, 1.0);
        }
        memory
    }

    #[test]
    fn a_peak_of_the_day_before_moves_the_target() {
        let memory = daily_peaks([300.0, 310.0, 320.0, 330.0, 340.0, 350.0, 900.0, 360.0]);
        let p90 = memory.percentile(0.9).unwrap() / BYTES_PER_MIB;
        assert!((p90 - 913.97).abs() < 0.005, "{p90}");
        let target = memory.target(MEMORY_FLOOR_BYTES).unwrap();
        assert!((target - 1_102_117_711.0).abs() < 1.0, "{target}");
    }

    #[test]
    fn a_peak_of_six_days_ago_is_forgotten() {
        let memory = daily_peaks([300.0, 900.0, 320.0, 330.0, 340.0, 350.0, 310.0, 360.0]);
        let p90 = memory.percentile(0.9).unwrap() / BYTES_PER_MIB;
        let target = memory.target(MEMORY_FLOOR_BYTES).unwrap() / BYTES_PER_MIB;
        assert!((p90 - 367.21).abs() < 0.005 && (target - 422.30).abs() < 0.005);
    }

    #[test]
    fn an_empty_histogram_recommends_nothing() {
        assert_eq!(Histogram::cpu().target(CPU_FLOOR_CORES), None);
    }
}
