//! A run's graph as comma-separated values, for a spreadsheet.

use super::Run;
use std::fmt::Write as _;

/// One row a moment, with a heading; an unknown number is an empty field. Times are seconds since the trigger.
#[must_use]
pub fn csv(run: &Run) -> String {
    let mut text = String::from(
        "seconds,unix_ms,backlog_jobs,in_flight_jobs,external_metric,desired_replicas,replicas,ready_pods,jobs_per_second,worker_cpu_millicores\n",
    );
    let columns = &run.columns;
    for (row, t) in columns.t.iter().enumerate() {
        let since = t - run.started;
        let sign = if since < 0 { "-" } else { "" };
        let since = since.abs();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{sign}{}.{:03},{t},{},{},{},{},{},{},{},{}",
            since / 1_000,
            since % 1_000,
            field(columns.depth[row]),
            field(columns.in_flight[row]),
            field(columns.external_metric[row]),
            field(columns.desired[row]),
            field(columns.replicas[row]),
            field(columns.ready[row]),
            field(columns.service_rate[row]),
            field(columns.cpu_at(row)),
        );
    }
    text
}

fn field(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use super::*;

    #[test]
    fn a_row_a_moment_and_gaps_stay_empty() {
        let mut run = run();
        run.columns.desired[0] = None;
        let text = csv(&run);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), run.columns.len() + 1);
        assert_eq!(lines[1], "-5.000,1764007417000,0,0,4999,,1,1,,");
        assert!(lines[4].starts_with("8.000,1764007430000,4973,1,"));
        assert!(lines.iter().all(|line| line.matches(',').count() == 9));
    }
}
