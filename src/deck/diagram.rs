//! Mermaid to SVG, on the server, ready for the page.
//!
//! In: Mermaid source. Out: a `<figure>` with an SVG that needs no style of its own, follows the page's theme through
//! CSS variables, carries `data-node` and `data-edge` to hang live values on, and says in text what it shows.
//!
//! 1. the renderer parses the source into a [`model`];
//! 2. bound nodes get room for their value ([`live`]);
//! 3. the renderer lays out and draws, measuring in the page's font ([`measure`]), in stand-in colours ([`theme`]);
//! 4. [`paint`] turns the drawing into the page's SVG ([`xml`] reads it, [`stylesheet`] applies its styles).
//!
//! A flow that runs sideways is drawn a second time downwards ([`tall`]): the stylesheet shows that one where the page
//! is narrow, so that nobody reads a diagram through a keyhole. What is not shown is `display: none`, for the eye and
//! for assistive technology alike.
//!
//! Drawings are cached by their source and bindings: a deck is loaded again at every edit, its diagrams are not drawn
//! again.

mod live;
mod measure;
mod model;
mod paint;
mod stylesheet;
mod tall;
mod theme;
mod xml;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use merman::svg::{
    MeasurementProfileId, SvgEnvironment, SvgPipeline, SvgRenderOptions, TextMeasurementPolicy,
    TextMeasurementProfile, TextMeasurementProfileIdentity,
};
use merman::{
    Engine, Error, MermaidConfig, OperationControl, ParseOptions, RenderOutput, RenderRequest,
    Renderer, SvgRequest,
};

use super::escape::escape;
pub use live::Bindings;
use measure::PageFont;
use model::Model;

/// Prefix of every id in a drawing until it is placed in a page.
const DRAWN_ID: &str = "podium-drawing";

/// Drawings kept. A deck has dozens; an author's edits leave old ones behind, which this bounds.
const CACHE_LIMIT: usize = 256;

/// The demo's flow: what slide 9 and the control page show.
const DEMO_FLOW: &str = r#"flowchart LR
    EventSource["Event source (queue, stream or schedule)"]
    KedaScaler["KEDA scaler + metrics adapter"]
    MetricsAPI["Kubernetes metrics API"]
    HPA["Horizontal Pod Autoscaler (HPA)"]
    FunctionPods["Azure Functions runtime pods"]

    EventSource --> KedaScaler --> MetricsAPI --> HPA --> FunctionPods
"#;

/// Why a diagram cannot be drawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct DiagramError {
    /// Line of the Mermaid source, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// A drawing with its text alternative.
#[derive(Debug)]
struct Drawing {
    svg: String,
    /// The same downwards, for narrow screens, if it runs sideways.
    tall: Option<String>,
    description: String,
}

type Key = (String, Option<Bindings>);

static CACHE: LazyLock<Mutex<HashMap<Key, Arc<Drawing>>>> = LazyLock::new(Mutex::default);

static RENDERER: LazyLock<Renderer> = LazyLock::new(|| renderer(theme::WIDE));
static TALL_RENDERER: LazyLock<Renderer> = LazyLock::new(|| renderer(theme::TALL));

fn renderer(flow: theme::Flow) -> Renderer {
    let configuration = MermaidConfig::from_value(theme::configuration(flow));
    Renderer::new()
        .with_engine(Engine::new().with_site_config(configuration))
        .with_parse_options(ParseOptions::strict())
}

/// Draws Mermaid source as a `<figure>`. `id` must be unique in the page; with `live`, bound nodes show their values.
///
/// # Errors
/// [`DiagramError`] with the line when the source is not Mermaid or of a kind that is not drawn.
pub fn draw(source: &str, id: &str, live: Option<&Bindings>) -> Result<String, DiagramError> {
    let drawing = cached(source, live)?;
    let svg = drawing.svg.replace(DRAWN_ID, id);
    let tall = drawing.tall.as_ref();
    let tall = tall.map(|svg| svg.replace(DRAWN_ID, &format!("{id}-tall")));
    let description = escape(&drawing.description);
    let class = match (live.is_some(), tall.is_some()) {
        (true, true) => "diagram live-diagram two-ways",
        (true, false) => "diagram live-diagram",
        (false, true) => "diagram two-ways",
        (false, false) => "diagram",
    };
    let tall = tall.unwrap_or_default();
    // A wide drawing scrolls inside its figure on a phone, so the figure must be reachable by keyboard.
    Ok(format!(
        "<figure class=\"{class}\" tabindex=\"0\" aria-labelledby=\"{id}-text\">{svg}{tall}\
         <figcaption class=\"visually-hidden\" id=\"{id}-text\">{description}</figcaption></figure>"
    ))
}

/// The demo's flow with its live values, for pages other than the deck.
///
/// # Errors
/// None in a build whose tests passed: the source is ours.
pub fn live_flow() -> Result<String, DiagramError> {
    draw(DEMO_FLOW, "live-flow", Some(&Bindings::demo()))
}

fn cached(source: &str, live: Option<&Bindings>) -> Result<Arc<Drawing>, DiagramError> {
    let key = (source.to_owned(), live.cloned());
    // Drawing happens outside the lock: two callers may draw the same thing once, none waits for another's.
    if let Some(found) = CACHE
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&key)
    {
        return Ok(Arc::clone(found));
    }
    // The renderer is large and fed with what authors type; a bug in it must cost one diagram, not the talk.
    let drawn = catch_unwind(AssertUnwindSafe(|| render(source, live)));
    let drawing = Arc::new(
        drawn.unwrap_or_else(|_| Err(fault(1, "the diagram renderer failed on this source")))?,
    );
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    if cache.len() >= CACHE_LIMIT {
        cache.clear();
    }
    cache.insert(key, Arc::clone(&drawing));
    Ok(drawing)
}

fn render(source: &str, live: Option<&Bindings>) -> Result<Drawing, DiagramError> {
    let parsed = RENDERER
        .engine()
        .parse_diagram_sync(source, ParseOptions::strict())
        .map_err(|error| located(source, &error))?
        .ok_or_else(|| {
            fault(
                1,
                "not a Mermaid diagram: start with its kind, such as `flowchart LR`",
            )
        })?;
    let model = Model::read(parsed.model.as_value());
    let values = live.map(|live| live.statements(&model)).unwrap_or_default();
    let svg = svg(&RENDERER, &format!("{}{values}\n", source.trim_end()))?;
    // Only an addition: what cannot be turned is shown sideways everywhere.
    let tall = tall::turned(source).and_then(|source| {
        self::svg(&TALL_RENDERER, &format!("{}{values}\n", source.trim_end())).ok()
    });
    Ok(Drawing {
        svg: paint::repaint(&svg, &model, live, paint::FIRST),
        tall: tall.map(|svg| paint::repaint(&svg, &model, live, paint::TWIN)),
        description: model.describe(&parsed.meta.diagram_type),
    })
}

/// The renderer's own SVG for a source that was parsed before.
fn svg(renderer: &Renderer, source: &str) -> Result<String, DiagramError> {
    let request = RenderRequest::svg(source, OperationControl::new(), request()?);
    let output = renderer
        .render(request)
        .map_err(|error| fault(1, &error.to_string()))?;
    let RenderOutput::Svg(Some(drawn)) = output else {
        return Err(fault(1, "this kind of diagram is not drawn"));
    };
    Ok(drawn.svg().to_owned())
}

fn request() -> Result<SvgRequest, DiagramError> {
    let profile = MeasurementProfileId::new("page-font")
        .and_then(|profile| TextMeasurementProfileIdentity::new(profile, "1"))
        .map_err(|error| fault(1, &error.to_string()))?;
    let policy =
        TextMeasurementPolicy::uniform(TextMeasurementProfile::new(profile, Arc::new(PageFont)));
    Ok(SvgRequest {
        environment: SvgEnvironment::deterministic().with_text_measurement_policy(policy),
        // Adds SVG text for labels that a few kinds write as HTML only; the HTML is left out by `paint`.
        pipeline: Some(SvgPipeline::readable()),
        options: SvgRenderOptions {
            diagram_id: Some(DRAWN_ID.to_owned()),
            ..SvgRenderOptions::default()
        },
        ..SvgRequest::default()
    })
}

fn fault(line: usize, message: &str) -> DiagramError {
    let message = message.lines().next().unwrap_or_default().to_owned();
    DiagramError { line, message }
}

/// The error with its line, where the parser knows one.
fn located(source: &str, error: &Error) -> DiagramError {
    let Error::DiagramParse { diagnostic, .. } = error else {
        return fault(1, &error.to_string());
    };
    let end = diagnostic
        .span()
        .map_or(0, |span| span.start.min(source.len()));
    let line = source.as_bytes()[..end]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
        + 1;
    fault(
        line.min(source.lines().count().max(1)),
        diagnostic.message(),
    )
}

#[cfg(test)]
mod tests;
