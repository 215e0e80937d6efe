//! plimsoll draws the load line for containers on AWS: how small each workload may safely be, where it is
//! cheapest to run (Fargate, CodeBuild or packed EC2), and how sure that is.
//!
//! ```text
//!   AWS files ─► import ──► dataset ──► demand ──► rightsize ──┐
//!                          (Parquet)   (small,    (safe need   ├─► recommend ──► report
//!                                      mergeable) + reasons)   │  (placements,   (one result value,
//!                                         │                    │   findings,      many formats)
//!                                         └──► pack ───────────┤   savings)
//!                                             (EC2 fleet)      │
//!                              pricing (dated book + metering) ┘
//! ```
//!
//! One direction, no way back. Only [`import`], [`dataset`], [`pricing::refresh::ask`] and [`cli`] touch the world; the rest is pure.

pub mod analysis;
pub(crate) mod aws;
pub mod cli;
pub(crate) mod collect;
pub mod dataset;
pub mod demand;
pub mod import;
pub mod model;
pub mod pack;
pub mod placement;
pub mod pricing;
pub mod recommend;
pub(crate) mod records;
pub mod report;
pub mod rightsize;
pub(crate) mod workers;
