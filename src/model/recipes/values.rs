//! The ranges of values that pixels are brought to, by the names that people know.

use serde::Deserialize;

use crate::model::manifest::Color;

/// `(pixel * rescale - mean) / std`; mean and deviation of red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Values {
    /// Factor on the pixel.
    pub rescale: f64,
    /// Subtracted then.
    pub mean: [f64; 3],
    /// Divisor after that.
    pub std: [f64; 3],
}

/// The factor that makes 0 to 1 of a byte.
pub(crate) const BYTE: f64 = 1.0 / 255.0;

/// A range with the name that people know.
pub(crate) struct Known {
    /// Its name.
    pub name: &'static str,
    /// The most usual of the ranges that hardly differ from it, or itself.
    pub kin: &'static str,
    /// The numbers.
    pub values: Values,
}

/// The known ranges, the most usual of their kin first.
pub(crate) const KNOWN: [Known; 14] = [
    known(
        "imagenet",
        "imagenet",
        range(BYTE, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ),
    known("0-1", "0-1", range(BYTE, [0.0; 3], [1.0; 3])),
    known("-1-1", "-1-1", range(BYTE, [0.5; 3], [0.5; 3])),
    known("raw", "raw", range(1.0, [0.0; 3], [1.0; 3])),
    known(
        "caffe-vgg",
        "caffe-vgg",
        range(1.0, [123.68, 116.779, 103.939], [1.0; 3]),
    ),
    known("mnist", "mnist", range(BYTE, [0.1307; 3], [0.3081; 3])),
    // Dark on light where the training had light on dark.
    known("1-0", "1-0", range(-BYTE, [-1.0; 3], [1.0; 3])),
    known(
        "clip",
        "imagenet",
        range(
            BYTE,
            [0.481_454_66, 0.457_827_5, 0.408_210_73],
            [0.268_629_54, 0.261_302_58, 0.275_777_11],
        ),
    ),
    known(
        "cifar",
        "imagenet",
        range(BYTE, [0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]),
    ),
    // Caffe's MobileNet: the mean above, and 0.017 times that.
    known(
        "caffe-mobilenet",
        "imagenet",
        range(1.0, [123.68, 116.78, 103.94], [1.0 / 0.017; 3]),
    ),
    // The other way round than the channels are: a usual slip with OpenCV, that then belongs to
    // the model.
    known(
        "imagenet-swapped",
        "imagenet",
        range(BYTE, [0.406, 0.456, 0.485], [0.225, 0.224, 0.229]),
    ),
    known("by-128", "-1-1", range(1.0, [127.0; 3], [128.0; 3])),
    known(
        "caffe-ilsvrc",
        "caffe-vgg",
        range(
            1.0,
            [122.678_914_34, 116.668_767_62, 104.006_987_93],
            [1.0; 3],
        ),
    ),
    known(
        "caffe-rounded",
        "caffe-vgg",
        range(1.0, [123.0, 117.0, 104.0], [1.0; 3]),
    ),
];

const fn known(name: &'static str, kin: &'static str, values: Values) -> Known {
    Known { name, kin, values }
}

const fn range(rescale: f64, mean: [f64; 3], std: [f64; 3]) -> Values {
    Values { rescale, mean, std }
}

impl Values {
    /// The range of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let known = KNOWN.iter().find(|known| known.name == name)?;
        Some(known.values)
    }

    /// The same range with this factor on the pixel; with one below 0, the range of the
    /// picture's negative. What is of negatives itself has no factor above 0.
    pub(crate) fn in_unit(&self, rescale: f64) -> Option<Self> {
        const WHITE: f64 = 255.0;
        let by = rescale / self.rescale;
        let (shift, by) = match (by > 0.0, rescale < 0.0) {
            (true, _) => (0.0, by),
            (false, true) => (WHITE * rescale, -by),
            (false, false) => return None,
        };
        Some(Self {
            rescale,
            mean: self.mean.map(|mean| mean * by + shift),
            std: self.std.map(|std| std * by),
        })
    }

    /// `values` of red, green and blue as a tensor of this colour order has them.
    pub(crate) fn in_order(values: [f64; 3], color: Color) -> Vec<f64> {
        let [red, green, blue] = values;
        match color {
            Color::Rgb => vec![red, green, blue],
            Color::Bgr => vec![blue, green, red],
            // One number stands for all; three different ones mean nothing here, and the
            // manifest's check says so.
            Color::Gray if red == green && green == blue => vec![red],
            Color::Gray => values.to_vec(),
        }
    }
}
