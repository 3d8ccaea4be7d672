#![doc = include_str!("../README.md")]

mod embed;

pub use self::embed::InvokeEmbeddings;
