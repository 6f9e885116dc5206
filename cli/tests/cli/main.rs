//! The program as people and scripts see it.

mod common;
mod contract;
mod live_events;
