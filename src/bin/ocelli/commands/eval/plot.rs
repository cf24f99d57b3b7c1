//! The confusion matrix as a picture: rows are true classes, darker is more.

use std::convert::Infallible;
use std::path::Path;

use embedded_graphics::mono_font::MonoTextStyle;
use embedded_graphics::mono_font::iso_8859_1::FONT_6X10;
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::{
    DrawTarget, Drawable, OriginDimensions, Pixel, Point, Primitive, RgbColor, Size,
};
use embedded_graphics::primitives::{PrimitiveStyle, Rectangle};
use embedded_graphics::text::{Alignment, Baseline, Text, TextStyleBuilder};

use super::confusion::Confusion;
use ocelli::{Error, Result};

/// Most classes that are drawn with names and numbers.
const NAMED: usize = 40;
/// Width and height of a letter.
const LETTER: (u32, u32) = (6, 10);
/// Letters of a class name that are drawn.
const NAME: usize = 16;

/// An RGB picture in memory.
struct Canvas {
    size: Size,
    pixels: Vec<u8>,
}

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        self.size
    }
}

impl DrawTarget for Canvas {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(
        &mut self,
        pixels: I,
    ) -> std::result::Result<(), Infallible> {
        for Pixel(Point { x, y }, color) in pixels {
            let inside =
                x >= 0 && y >= 0 && (x as u32) < self.size.width && (y as u32) < self.size.height;
            if inside {
                let at = (y as usize * self.size.width as usize + x as usize) * 3;
                self.pixels[at..at + 3].copy_from_slice(&[color.r(), color.g(), color.b()]);
            }
        }
        Ok(())
    }
}

/// Draws `confusion` into a PNG file.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn draw(confusion: &Confusion, file: &Path) -> Result<()> {
    let canvas = paint(confusion);
    let failed = |e: png::EncodingError| {
        Error::output(file.display().to_string(), "cannot be written").caused_by(e)
    };
    let out = std::fs::File::create(file).map_err(|e| failed(e.into()))?;
    let mut encoder = png::Encoder::new(
        std::io::BufWriter::new(out),
        canvas.size.width,
        canvas.size.height,
    );
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder
        .write_header()
        .and_then(|mut w| w.write_image_data(&canvas.pixels))
        .map_err(failed)
}

/// Where things stand, in pixels.
struct Grid {
    cell: i32,
    /// Left of the cells, and above them.
    margin: i32,
    top: i32,
}

impl Grid {
    fn new(labels: &[String], named: bool) -> Self {
        let cell = if named {
            44
        } else {
            (1600 / labels.len()).max(1)
        } as i32;
        let letters = labels.iter().map(|label| label.chars().count());
        let longest = letters.max().unwrap_or(0).clamp(5, NAME);
        match named {
            true => Self {
                cell,
                margin: (longest as u32 * LETTER.0 + 12) as i32,
                top: 3 * LETTER.1 as i32 + 8,
            },
            false => Self {
                cell,
                margin: 8,
                top: 8,
            },
        }
    }

    fn corner(&self, row: usize, column: usize) -> Point {
        let (x, y) = (self.cell * column as i32, self.cell * row as i32);
        Point::new(self.margin + x, self.top + y)
    }

    fn size(&self, classes: usize) -> Size {
        let Point { x, y } = self.corner(classes, classes);
        Size::new((x + 8) as u32, (y + 8) as u32)
    }
}

fn paint(confusion: &Confusion) -> Canvas {
    let classes = confusion.labels.len();
    let named = classes <= NAMED;
    let grid = Grid::new(&confusion.labels, named);
    let size = grid.size(classes);
    let mut canvas = Canvas {
        size,
        pixels: vec![255; (size.width * size.height * 3) as usize],
    };
    for (row, counts) in confusion.counts.iter().enumerate() {
        let total: u64 = counts.iter().sum();
        for (column, count) in counts.iter().enumerate() {
            let share = if total == 0 {
                0.0
            } else {
                *count as f32 / total as f32
            };
            let corner = grid.corner(row, column);
            square(
                &mut canvas,
                corner,
                grid.cell,
                share,
                named.then_some(*count),
            );
        }
    }
    if named {
        name_classes(&mut canvas, &confusion.labels, &grid);
    }
    canvas
}

/// Names left of the rows and above the columns.
fn name_classes(canvas: &mut Canvas, labels: &[String], grid: &Grid) {
    let Grid { cell, margin, top } = *grid;
    for (index, label) in labels.iter().enumerate() {
        let name: String = label.chars().take(NAME).collect();
        let middle = cell * index as i32 + cell / 2;
        let left = Point::new(margin - 6, top + middle);
        word(canvas, &name, left, Alignment::Right, Rgb888::BLACK);
        // Column names are short of room: every other one stands a line higher.
        let letters = 2 * (cell as u32 / LETTER.0) as usize - 2;
        let short: String = label.chars().take(letters).collect();
        let raised = if index % 2 == 1 {
            LETTER.1 as i32 + 2
        } else {
            0
        };
        let above = Point::new(margin + middle, top - 8 - raised);
        word(canvas, &short, above, Alignment::Center, Rgb888::BLACK);
    }
}

/// A cell, from white (none of the row) to dark blue (all of it).
fn square(canvas: &mut Canvas, corner: Point, cell: i32, share: f32, count: Option<u64>) {
    let mix = |light: f32, dark: f32| (light + (dark - light) * share) as u8;
    let color = Rgb888::new(mix(255.0, 8.0), mix(255.0, 48.0), mix(255.0, 107.0));
    let gap = i32::from(cell > 8);
    let side = (cell - gap) as u32;
    let Ok(()) = Rectangle::new(corner, Size::new(side, side))
        .into_styled(PrimitiveStyle::with_fill(color))
        .draw(canvas);
    if let Some(count) = count {
        let ink = if share > 0.5 {
            Rgb888::WHITE
        } else {
            Rgb888::BLACK
        };
        word(
            canvas,
            &count.to_string(),
            corner + Point::new(cell / 2, cell / 2),
            Alignment::Center,
            ink,
        );
    }
}

fn word(canvas: &mut Canvas, text: &str, at: Point, alignment: Alignment, color: Rgb888) {
    let style = TextStyleBuilder::new()
        .alignment(alignment)
        .baseline(Baseline::Middle)
        .build();
    let Ok(_) =
        Text::with_text_style(text, at, MonoTextStyle::new(&FONT_6X10, color), style).draw(canvas);
}
