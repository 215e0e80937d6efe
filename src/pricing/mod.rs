//! What a second of capacity costs: a dated book of public list prices and the rules that meter time.
//!
//! In: the price tables, a place to run, metered milliseconds. Out: [`crate::model::units::Usd`], or [`NotPriced`] with
//! the reason. A price that nobody has seen is never made up: no region stands in for another, no architecture
//! is taken as a share of the other. Every answer says which row it is from: a [`Price`] carries its date, its source
//! and its quality.

pub mod book;
pub mod cost;
pub mod diff;
pub mod frozen;
pub mod metering;
mod not_priced;
mod offers;
mod price;
pub mod refresh;
pub mod regions;
pub mod savings_plan;
mod table;
mod tables;

pub use book::PriceBook;
pub use metering::Metering;
pub use not_priced::NotPriced;
pub use offers::{
    CodebuildPrice, CodebuildType, CodebuildUnit, FargatePrices, InstanceClass, InstanceType,
    PriceRow,
};
pub use price::{Price, PriceUnit, Quality, is_old};
pub use tables::Tables;
