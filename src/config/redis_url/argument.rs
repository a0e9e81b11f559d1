//! `--redis` on the command line. A refusal must not repeat the value, as the argument parser does with all others: it
//! may carry a password, and ends up in a terminal or in a pod's log.

use super::RedisUrl;
use clap::builder::TypedValueParser;
use clap::error::{Error, ErrorKind};
use clap::{Arg, Command};
use std::ffi::OsStr;

/// Reads a [`RedisUrl`].
#[derive(Clone)]
pub(in crate::config) struct Argument;

impl TypedValueParser for Argument {
    type Value = RedisUrl;

    fn parse_ref(
        &self,
        command: &Command,
        _argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<RedisUrl, Error> {
        value.to_string_lossy().parse().map_err(|cause: String| {
            let refusal = format!("the address of --redis is not valid: {cause}\n");
            Error::raw(ErrorKind::ValueValidation, refusal).with_cmd(command)
        })
    }
}
