//! The arguments of `podium dead-letters`.

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

/// Arguments of `dead-letters`; alone it is `dead-letters list`.
#[derive(Clone, Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub struct DeadLettersArgs {
    /// How to list them.
    #[command(flatten)]
    pub list: ListArgs,
    /// What to do with them.
    #[command(subcommand)]
    pub command: Option<DeadLettersCommand>,
}

/// What to do with dead letters.
#[derive(Clone, Debug, Subcommand)]
pub enum DeadLettersCommand {
    /// List them, the newest first
    List(ListArgs),
    /// Show one: why it could not be done, and what lay on the queue
    Show {
        /// Its id, as the list has it
        id: String,
        /// How to print it
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
    /// Put their jobs back onto the queue, at the first attempt and behind all that wait
    Retry(Which),
    /// Throw them away
    Discard {
        /// Which letters.
        #[command(flatten)]
        which: Which,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

/// How to list dead letters.
#[derive(Clone, Debug, ClapArgs)]
pub struct ListArgs {
    /// How many to list at most
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
    /// How to print them
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
}

/// Which dead letters.
#[derive(Clone, Debug, ClapArgs)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// Ids of letters, as the list has them
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// All that lie there now
    #[arg(long)]
    pub all: bool,
}

/// How dead letters are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For people
    Text,
    /// For scripts: one JSON object
    Json,
}
