//! Charts of block characters: sparklines, bars over time, a histogram.

use ratatui::{
    style::Style,
    text::{Line, Span},
};

use crate::tui::view::text::{duration, pad_left};

const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Returns the last `width` values as one line of blocks; the greatest fills its cell.
pub(crate) fn spark(values: &[f64], width: usize) -> String {
    let values = &values[values.len().saturating_sub(width)..];
    let max = values.iter().copied().fold(0.0, f64::max);
    let block = |value: &f64| {
        if max > 0.0 { EIGHTHS[((value / max * 8.0).ceil() as usize).clamp(1, 8)] } else { '▁' }
    };
    values.iter().map(block).collect()
}

/// One bar of a chart over time.
pub(crate) struct Bar {
    pub(crate) value: f64,
    pub(crate) style: Style,
    /// Mark below the bar.
    pub(crate) mark: char,
}

/// Returns the last bars that fit into `width`, `height` rows high, with the scale on the left and
/// the marks below.
pub(crate) fn bars(bars: &[Bar], width: usize, height: usize) -> Vec<Line<'static>> {
    const SCALE: usize = 9;
    let bars = &bars[bars.len().saturating_sub(width.saturating_sub(SCALE + 1))..];
    let max = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let mut lines = Vec::with_capacity(height + 1);
    for row in (0..height).rev() {
        let scale = match row {
            row if row + 1 == height => duration(max),
            0 => "0".into(),
            _ => String::new(),
        };
        let mut spans = vec![Span::raw(format!("{}│", pad_left(&scale, SCALE)))];
        for bar in bars {
            let eighths =
                if max > 0.0 { (bar.value / max * height as f64 * 8.0).ceil() as usize } else { 0 };
            let block = EIGHTHS[eighths.saturating_sub(row * 8).min(8)];
            spans.push(Span::styled(block.to_string(), bar.style));
        }
        lines.push(Line::from(spans));
    }
    let mut marks = vec![Span::raw(" ".repeat(SCALE + 1))];
    marks.extend(bars.iter().map(|bar| Span::styled(bar.mark.to_string(), bar.style)));
    lines.push(Line::from(marks));
    lines
}

/// Returns the number of values in each of `buckets` equal ranges, as rows of `width` columns.
pub(crate) fn histogram(
    values: &[f64],
    buckets: usize,
    width: usize,
    style: Style,
) -> Vec<Line<'static>> {
    let min = values.iter().copied().fold(f64::INFINITY, f64::min);
    let max = values.iter().copied().fold(0.0, f64::max);
    if values.is_empty() || buckets == 0 {
        return Vec::new();
    }
    let step = ((max - min) / buckets as f64).max(0.001);
    let mut counts = vec![0_usize; buckets];
    for value in values {
        counts[(((value - min) / step) as usize).min(buckets - 1)] += 1;
    }
    let max = counts.iter().copied().max().unwrap_or(1).max(1);
    let used = counts.iter().rposition(|&count| count > 0).map_or(0, |last| last + 1);
    let room = width.saturating_sub(30).max(4);
    let row = |(index, &count): (usize, &usize)| {
        let from = min + step * index as f64;
        let range =
            format!("{} – {}", pad_left(&duration(from), 9), pad_left(&duration(from + step), 9));
        let bar = "█".repeat((count * room).div_ceil(max));
        Line::from(vec![
            Span::raw(format!(" {range} ")),
            Span::styled(bar, style),
            Span::raw(format!(" {count}")),
        ])
    };
    counts[..used].iter().enumerate().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_value_fills_its_cell() {
        assert_eq!(spark(&[1.0, 4.0, 8.0], 10), "▁▄█");
        assert_eq!(spark(&[1.0, 4.0, 8.0], 2), "▄█");
        assert_eq!(spark(&[0.0], 2), "▁");
        assert_eq!(spark(&[], 2), "");
    }

    #[test]
    fn every_value_is_in_the_histogram_once() {
        let lines = histogram(&[1.0, 1.0, 2.0, 9.0], 4, 60, Style::new());
        let counts: Vec<String> = lines
            .iter()
            .map(|line| line.to_string().rsplit(' ').next().unwrap().to_owned())
            .collect();
        assert_eq!(counts, ["3", "0", "0", "1"]);
        assert_eq!(histogram(&[5.0], 4, 60, Style::new()).len(), 1);
        assert!(histogram(&[], 4, 60, Style::new()).is_empty());
    }
}
