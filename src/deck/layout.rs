//! How a slide is laid out. The names are Slidev's, so that its users need not learn ours; each is also the CSS class
//! of the slide's section.

/// A slide's layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// Title on top, content below.
    #[default]
    Default,
    /// The talk's title slide.
    Cover,
    /// Everything in the middle.
    Center,
    /// The start of a section.
    Section,
    /// One sentence, large.
    Statement,
    /// One number or fact, very large.
    Fact,
    /// A quotation.
    Quote,
    /// Two columns, cut at a line `::right::`.
    TwoCols,
    /// A heading over two columns, cut at `::left::` and `::right::`.
    TwoColsHeader,
    /// A picture alone.
    Image,
    /// A picture on the left, text on the right.
    ImageLeft,
    /// A picture on the right, text on the left.
    ImageRight,
    /// The whole canvas for the content.
    Full,
    /// The last slide.
    End,
    /// No layout: the content and nothing else.
    Bare,
    /// A live step: little text, all the room for diagram and graphs.
    Live,
}

impl Layout {
    const ALL: [Self; 16] = [
        Self::Default,
        Self::Cover,
        Self::Center,
        Self::Section,
        Self::Statement,
        Self::Fact,
        Self::Quote,
        Self::TwoCols,
        Self::TwoColsHeader,
        Self::Image,
        Self::ImageLeft,
        Self::ImageRight,
        Self::Full,
        Self::End,
        Self::Bare,
        Self::Live,
    ];

    /// The CSS class.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Cover => "cover",
            Self::Center => "center",
            Self::Section => "section",
            Self::Statement => "statement",
            Self::Fact => "fact",
            Self::Quote => "quote",
            Self::TwoCols => "two-cols",
            Self::TwoColsHeader => "two-cols-header",
            Self::Image => "image",
            Self::ImageLeft => "image-left",
            Self::ImageRight => "image-right",
            Self::Full => "full",
            Self::End => "end",
            Self::Bare => "none",
            Self::Live => "live",
        }
    }

    /// The layout of this name; Slidev's `intro` is a cover.
    pub(crate) fn named(name: &str) -> Option<Self> {
        if name == "intro" {
            return Some(Self::Cover);
        }
        Self::ALL.into_iter().find(|layout| layout.class() == name)
    }

    /// Every name, for messages.
    pub(crate) fn names() -> String {
        Self::ALL.map(Self::class).join(", ")
    }
}
