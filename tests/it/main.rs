//! The integration tests, one binary: bills, AWS's shapes, datasets, reports and the shipped command line.
#![expect(
    clippy::too_many_lines,
    reason = "a long list of cases is read from top to bottom"
)]

mod backtest;
mod bad_input;
mod billing;
mod certainty;
mod chance;
mod cli;
mod collect;
mod collect_usage;
mod commits;
mod corruptions;
mod crafted;
mod dataset;
mod exactness;
mod faces;
mod fake;
mod fake_tests;
mod foreign;
mod format_1;
mod identities;
mod import;
mod kept;
mod outputs;
mod pack;
mod prices;
mod privacy;
mod properties;
mod reference;
mod reports;
mod run_time;
mod s3;
mod s3_server;
mod sample;
mod spoilt;
mod support;
mod tags;
mod trials;
