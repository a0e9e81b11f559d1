//! What fills the places in a slide: diagrams, graphs, buttons, code, formulas.

use super::Renderer;
use crate::deck::diagram;
use crate::deck::escape::escape;
use crate::deck::fence::{self, Button, Fence};
use crate::deck::highlight::highlight;
use crate::deck::math;
use crate::deck::stepping::Stepping;

/// A block of ours.
#[derive(Debug)]
pub(super) enum Block {
    /// HTML as it is.
    Ready(String),
    /// Code whose lines light up; it needs the slide's last click, which is known at the end.
    Stepped {
        language: String,
        code: String,
        stepping: Stepping,
        base: usize,
    },
}

impl Block {
    /// The HTML, on a slide of this many clicks.
    pub(super) fn html(&self, clicks: usize) -> String {
        match self {
            Self::Ready(html) => html.clone(),
            Self::Stepped {
                language,
                code,
                stepping,
                base,
            } => {
                let lines = stepping.wrap(&highlight(language, code), *base, clicks);
                let numbered = if stepping.numbers_from.is_some() {
                    " numbered"
                } else {
                    ""
                };
                pre(language, numbered, &lines)
            }
        }
    }
}

/// An element the sanitiser lets pass as it is, to be found again by its exact text.
pub(super) fn place(index: usize, element: &str) -> String {
    format!("<{element} data-block=\"{index}\"></{element}>")
}

impl Renderer<'_> {
    /// A fenced block's place; a broken one is shown, with its line, in the slide. `line` is the fence's, in the text.
    pub(super) fn block(&mut self, info: &str, body: &str, line: usize) -> String {
        let block = match fence::read(info, body) {
            Ok(Fence::Diagram) => Block::Ready(self.diagram(body, line)),
            Ok(Fence::Chart(chart)) => {
                self.out.live = true;
                Block::Ready(chart.html())
            }
            Ok(Fence::Controls(buttons)) => Block::Ready(controls(&buttons)),
            Ok(Fence::Code(language)) => self.code(info, language, body),
            Err(message) => Block::Ready(self.broken(self.source_line(line), message, body)),
        };
        self.put(block, "div")
    }

    fn put(&mut self, block: Block, element: &str) -> String {
        self.blocks.push(block);
        place(self.blocks.len() - 1, element)
    }

    fn code(&mut self, info: &str, language: String, body: &str) -> Block {
        let stepping = Stepping::read(&info[language.len()..], self.setting.line_numbers);
        if !stepping.wraps() {
            return Block::Ready(code(&language, body));
        }
        let base = self.clicks.last();
        self.clicks.skip(stepping.clicks());
        Block::Stepped {
            language,
            code: body.to_owned(),
            stepping,
            base,
        }
    }

    fn diagram(&mut self, source: &str, line: usize) -> String {
        let id = format!("{}-d{}", self.setting.id, self.blocks.len() + 1);
        match diagram::draw(source, &id, self.setting.live) {
            Ok(figure) => {
                self.out.live |= self.setting.live.is_some();
                figure
            }
            // The fence's own line comes before the source's first.
            Err(fault) => self.broken(self.source_line(line + fault.line), fault.message, source),
        }
    }

    fn broken(&mut self, line: usize, message: String, source: &str) -> String {
        let shown = format!(
            "<div class=\"problem\" role=\"note\"><p><strong>{}:{line}</strong> {}</p><pre><code>{}</code></pre></div>",
            escape(self.setting.file),
            escape(&message),
            escape(source.trim_end())
        );
        self.report(line, message);
        shown
    }

    /// A formula's place; what is no formula is shown as it was written.
    pub(super) fn formula(&mut self, tex: &str, place: math::Place, line: usize) -> String {
        let html = math::render(tex, place).unwrap_or_else(|message| {
            self.report(line, format!("this formula is shown as written: {message}"));
            format!("<code class=\"math\">{}</code>", escape(tex))
        });
        self.put(Block::Ready(html), "span")
    }
}

/// Code as it stands.
pub(in crate::deck) fn code(language: &str, body: &str) -> String {
    pre(language, "", &highlight(language, body))
}

/// A scrollable region must be reachable by keyboard, hence the tabindex.
fn pre(language: &str, class: &str, code: &str) -> String {
    let language_class = if language.is_empty() {
        String::new()
    } else {
        format!(" language-{}", escape(language))
    };
    format!("<pre class=\"code{language_class}{class}\" tabindex=\"0\"><code>{code}</code></pre>")
}

/// Plain forms, so that a press works without JavaScript too; the stylesheet shows them to the speaker alone, and the
/// server takes them from nobody else.
fn controls(buttons: &[Button]) -> String {
    let forms = buttons.iter().map(|button| {
        let (action, label) = (button.action(), button.label());
        format!(
            "<form method=\"post\" action=\"/actions/{action}\" data-action=\"{action}\">\
             <button type=\"submit\">{label}</button></form>"
        )
    });
    format!(
        "<div class=\"controls\" data-speaker-only>{}</div>",
        forms.collect::<String>()
    )
}
