//! A loopback fake of the AWS that plimsoll reads: the shipped binary reaches it through `AWS_ENDPOINT_URL`.
//!
//! ```text
//!   http (a socket) ─► target (which operation, for whom) ─► faults, quotas ─► sts ecs codebuild cloudwatch
//!                                                                              logs pricing s3 ─► answer ─► http
//!                                                                                    │
//!   golden (what is true) ◄──────────────── world (a pure function of seed and time) ┘
//! ```
//!
//! Plain threads and `std::net`, so that an answer can be cut, dripped or withheld at any byte. Service, region and
//! account come from the credential scope of the `Authorization` header; signatures are not checked, but their times are.
//! What the fake does not play is answered 418 and is found in [`Fake::unexpected`].

#![allow(
    dead_code,
    reason = "an instrument for tests to come: each plays a part of it"
)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "numbers and times of worlds that tests make: none is near a limit"
)]

mod answer;
mod builds;
pub(crate) mod calls;
mod cbor;
mod cloudwatch;
mod codebuild;
mod ecs;
pub(crate) mod faults;
pub(crate) mod golden;
mod http;
mod logs;
mod metric_data;
mod pattern;
mod pricing;
mod quotas;
mod random;
mod records;
mod s3;
pub(crate) mod seeded;
mod series;
mod server;
mod spoil;
mod sts;
mod target;
mod task_json;
mod tasks;
mod teller;
pub(crate) mod world;

pub(crate) use faults::{Fault, Kind, When};
pub(crate) use golden::Resolution;
pub(crate) use quotas::Quotas;
pub(crate) use seeded::Scale;
pub(crate) use server::Fake;
pub(crate) use world::World;

/// In every text that AWS returns and plimsoll must not keep, and in every secret that it is given.
pub(crate) const CANARY: &str = "CANARY";
