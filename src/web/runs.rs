//! `/runs` and `/runs/{id}`: what the last spikes did. Open to everyone: there is no secret in a graph.

use super::error::Error;
use crate::live::run::csv::csv;
use crate::live::run::picture::{Graph, picture};
use crate::live::run::words::{duration, grouped, when};
use crate::live::run::{Run, Runs};
use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{Html, IntoResponse as _, Response};

/// Height of a graph's plot on the page of a run, in units of its picture.
const PLOT_HEIGHT: f64 = 190.0;

#[derive(Template)]
#[template(path = "runs.html")]
struct RunsPage {
    rows: Vec<Row>,
}

/// One run in the list.
struct Row {
    id: String,
    when: String,
    jobs: String,
    peak: String,
    took: String,
    outcome: &'static str,
}

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage {
    row: Row,
    picture: String,
    counts: [(&'static str, String); 6],
    milestones: Vec<Moment>,
}

/// One milestone in the list.
struct Moment {
    since: String,
    title: String,
    detail: String,
}

/// `/runs`: the last runs.
///
/// # Errors
/// [`Error::Rendering`].
pub async fn list(State(runs): State<Runs>) -> Result<Response, Error> {
    let rows = runs.all().iter().map(|run| row(run)).collect();
    Ok(Html(RunsPage { rows }.render()?).into_response())
}

/// `/runs/{id}`: a run's graph, milestones and counts; with `.json` or `.csv` its numbers.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn run(State(runs): State<Runs>, Path(name): Path<String>) -> Result<Response, Error> {
    let (id, form) = name.split_once('.').unwrap_or((&name, ""));
    let run = runs.find(id).ok_or_else(|| not_found(&name))?;
    match form {
        "" => Ok(Html(page(&run).render()?).into_response()),
        "json" => Ok(Json(&*run).into_response()),
        "csv" => {
            let file = format!("attachment; filename=\"podium-run-{id}.csv\"");
            let headers = [
                (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
                (CONTENT_DISPOSITION, file),
            ];
            Ok((headers, csv(&run)).into_response())
        }
        _ => Err(not_found(&name)),
    }
}

fn not_found(name: &str) -> Error {
    Error::NotFound {
        what: format!("There is no run {name:?}"),
        remedy: "The last twenty are at /runs; each can be had as .json and .csv.".to_owned(),
    }
}

fn row(run: &Run) -> Row {
    Row {
        id: run.id.clone(),
        when: when(run),
        jobs: known(run.counts.enqueued),
        peak: run.peak.map_or("–".to_owned(), |peak| peak.to_string()),
        took: duration(run.duration_ms()),
        outcome: run.outcome.word(),
    }
}

fn page(run: &Run) -> RunPage {
    let counts = &run.counts;
    let milestones = run.milestones.iter().map(|told| Moment {
        since: duration(told.t - run.started),
        title: told.title.clone(),
        // How long after the trigger, the table says in a column of its own.
        detail: Some(&told.detail)
            .filter(|detail| !detail.ends_with("after the trigger"))
            .cloned()
            .unwrap_or_default(),
    });
    RunPage {
        row: row(run),
        picture: picture(run, &[Graph::Backlog, Graph::Replicas], PLOT_HEIGHT),
        counts: [
            ("Enqueued", known(counts.enqueued)),
            ("Completed", known(counts.completed)),
            ("Remaining", known(counts.remaining)),
            ("Dead", known(counts.dead)),
            ("Failed attempts", known(counts.failed)),
            ("Done twice", known(counts.duplicates)),
        ],
        milestones: milestones.collect(),
    }
}

fn known(count: Option<u64>) -> String {
    count.map_or_else(|| "–".to_owned(), grouped)
}
