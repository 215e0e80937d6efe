//! The integration tests, one binary: bills, AWS's shapes, datasets, reports and the shipped command line.

mod bad_input;
mod billing;
mod cli;
mod dataset;
mod exactness;
mod fake;
mod fake_tests;
mod import;
mod privacy;
mod properties;
mod reference;
mod reports;
mod sample;
mod support;
