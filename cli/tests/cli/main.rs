//! The program as people and scripts see it.

mod archive;
mod common;
mod compressed;
mod conflicts;
mod contract;
mod damage;
mod damage_table;
mod find;
mod golden;
mod history;
mod index;
mod keys;
mod listing;
mod live_events;
mod live_relay;
mod live_rescue;
mod relay_log;
mod replay;
mod show;
mod undo;
