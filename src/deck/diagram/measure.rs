//! How wide a label will be in the page's own font, so that boxes are drawn to fit it.
//!
//! The layout needs widths before there is a browser. The renderer's default measure assumes a font the page does not
//! use, and labels were clipped. Here are the advance widths of the page's font (Inter, `static/vendor/fonts`) for the
//! characters of Latin scripts, at regular and bold weight; weights between are interpolated. Kerning is ignored:
//! Inter's pairs are nearly all negative, so a label comes out a little narrower than measured, never wider.

use merman::svg::{TextMeasurer, TextMetrics, TextStyle, WrapMode};

/// Line height in em: Inter's ascent and descent.
const LINE: f64 = 1.21;

/// Room for rounding and hinting, in em of each line.
const SLACK: f64 = 0.1;

/// Advance of a character this table does not know (symbols, other scripts: full width), in thousandths of an em.
const UNKNOWN: u16 = 1000;

/// Inter regular, U+0020 to U+007E, thousandths of an em.
#[rustfmt::skip]
const REGULAR: [u16; 95] = [
    281, 288, 466, 633, 642, 982, 644, 300, 365, 365, 501, 662, 288, 460, 288, 360, 631, 407, 610, 618, 646, 593, 620,
    566, 619, 620, 288, 302, 662, 662, 662, 511, 966, 690, 654, 730, 722, 601, 590, 746, 743, 269, 571, 672, 565, 903,
    753, 765, 639, 765, 644, 642, 646, 744, 690, 985, 682, 679, 629, 365, 360, 365, 471, 456, 323, 562, 612, 571, 612,
    583, 370, 613, 591, 242, 242, 549, 242, 876, 591, 600, 612, 612, 376, 528, 327, 591, 562, 818, 546, 562, 552, 426,
    333, 426, 662,
];

/// Inter bold, the same characters.
#[rustfmt::skip]
const BOLD: [u16; 95] = [
    237, 338, 551, 649, 655, 1016, 672, 339, 377, 377, 559, 679, 334, 468, 334, 388, 674, 431, 629, 646, 676, 622, 649,
    582, 651, 649, 334, 343, 679, 679, 679, 560, 1016, 747, 662, 740, 722, 607, 587, 750, 747, 281, 584, 719, 565, 932,
    762, 771, 648, 777, 657, 655, 667, 732, 747, 1038, 738, 731, 664, 377, 388, 377, 487, 476, 365, 581, 630, 588, 630,
    596, 398, 632, 623, 271, 271, 580, 271, 913, 623, 613, 630, 630, 407, 560, 366, 623, 600, 850, 580, 602, 573, 469,
    372, 469, 679,
];

/// Inter regular, U+00A0 to U+00FF. Bold is at most a seventh wider here.
#[rustfmt::skip]
const LATIN_1: [u16; 96] = [
    281, 288, 571, 611, 725, 550, 270, 568, 591, 914, 454, 583, 662, 0, 666, 478, 456, 662, 442, 446, 323, 586, 603,
    288, 268, 304, 482, 583, 802, 847, 882, 511, 690, 690, 690, 690, 690, 690, 994, 730, 601, 601, 601, 601, 269, 269,
    269, 269, 735, 753, 765, 765, 765, 765, 765, 662, 765, 744, 744, 744, 744, 679, 636, 616, 562, 562, 562, 562, 562,
    562, 917, 571, 583, 583, 583, 583, 242, 242, 242, 242, 583, 591, 600, 600, 600, 600, 600, 662, 600, 591, 591, 591,
    591, 562, 612, 562,
];

/// Measures text set in the page's font.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageFont;

impl PageFont {
    /// Width of one line in px.
    fn width(text: &str, style: &TextStyle) -> f64 {
        let boldness = boldness(style.font_weight.as_deref());
        let em: f64 = text.chars().map(|c| advance(c, boldness)).sum();
        if text.is_empty() {
            0.0
        } else {
            (em + SLACK) * style.font_size
        }
    }

    fn block(lines: &[String], style: &TextStyle) -> TextMetrics {
        let width = lines
            .iter()
            .map(|line| Self::width(line, style))
            .fold(0.0, f64::max);
        let count = lines.len().max(1);
        #[expect(clippy::cast_precision_loss, reason = "a label has a handful of lines")]
        let height = count as f64 * style.font_size * LINE;
        TextMetrics {
            width,
            height,
            line_count: count,
        }
    }
}

impl TextMeasurer for PageFont {
    fn measure(&self, text: &str, style: &TextStyle) -> TextMetrics {
        let lines: Vec<_> = lines(text).map(str::to_owned).collect();
        Self::block(&lines, style)
    }

    fn measure_wrapped(
        &self,
        text: &str,
        style: &TextStyle,
        max_width: Option<f64>,
        _mode: WrapMode,
    ) -> TextMetrics {
        let Some(limit) = max_width else {
            return self.measure(text, style);
        };
        let mut wrapped: Vec<String> = Vec::new();
        for line in lines(text) {
            let mut current = String::new();
            for word in line.split(' ') {
                let longer = if current.is_empty() {
                    word.to_owned()
                } else {
                    format!("{current} {word}")
                };
                if !current.is_empty() && Self::width(&longer, style) > limit {
                    wrapped.push(std::mem::replace(&mut current, word.to_owned()));
                } else {
                    current = longer;
                }
            }
            wrapped.push(current);
        }
        Self::block(&wrapped, style)
    }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n')
        .flat_map(|line| line.split("<br/>"))
        .flat_map(|line| line.split("<br>"))
}

/// 0 for regular and lighter, 1 for bold and heavier.
fn boldness(weight: Option<&str>) -> f64 {
    let number = match weight.map(str::trim) {
        Some("bold" | "bolder") => 700.0,
        Some(number) => number.parse().unwrap_or(400.0),
        None => 400.0,
    };
    ((number - 400.0) / 300.0_f64).clamp(0.0, 1.0)
}

/// Width of a character in em.
fn advance(c: char, boldness: f64) -> f64 {
    let code = u32::from(c) as usize;
    let (regular, bold) = match code {
        0x20..=0x7e => (REGULAR[code - 0x20], BOLD[code - 0x20]),
        0xa0..=0xff => (
            LATIN_1[code - 0xa0],
            LATIN_1[code - 0xa0] + LATIN_1[code - 0xa0] / 7,
        ),
        0x2013 => (500, 500),
        0x2018 | 0x2019 => (261, 311),
        0x201c | 0x201d => (440, 540),
        0x200b | 0xfeff => (0, 0),
        _ => (UNKNOWN, UNKNOWN),
    };
    (f64::from(regular) + (f64::from(bold) - f64::from(regular)) * boldness) / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(size: f64, weight: Option<&str>) -> TextStyle {
        TextStyle {
            font_size: size,
            font_weight: weight.map(str::to_owned),
            ..TextStyle::default()
        }
    }

    #[test]
    fn a_wider_text_a_bolder_weight_and_a_larger_size_are_wider() {
        let width = |text, size, weight| PageFont.measure(text, &style(size, weight)).width;
        assert!(width("iiii", 20.0, None) < width("mmmm", 20.0, None));
        assert!(width("HPA", 20.0, None) < width("HPA", 20.0, Some("600")));
        assert!(width("HPA", 20.0, Some("600")) < width("HPA", 20.0, Some("bold")));
        assert!(width("HPA", 20.0, None) < width("HPA", 24.0, None));
        assert!((width("", 20.0, None)).abs() < f64::EPSILON);
    }

    #[test]
    fn wrapping_adds_lines_and_never_exceeds_the_limit_between_words() {
        let style = style(20.0, None);
        let wrapped = PageFont.measure_wrapped(
            "Kubernetes metrics API",
            &style,
            Some(150.0),
            WrapMode::SvgLike,
        );
        assert_eq!(wrapped.line_count, 2);
        assert!(wrapped.width <= 150.0);
        assert_eq!(PageFont.measure("a<br/>b\nc", &style).line_count, 3);
    }
}
