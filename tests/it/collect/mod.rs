//! The shipped binary collects from the loopback fake: the dataset is held against what the fake's world really holds.

mod clusters;
mod faults;
mod gaps;
mod golden;
mod limits;
mod logins;
mod meanwhile;
mod quiet;
mod resume;
mod schedules;
mod site;
mod tags;
mod trials;
