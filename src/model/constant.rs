//! The numbers in a model's constants, however they are stored: the formats that ONNX has
//! for one tensor are many.

use half::f16;

use super::onnx::{
    DOUBLE, FLOAT, FLOAT16, GraphProto, INT8, INT32, INT64, NodeProto, TensorProto, UINT8,
};

/// More than that are weights, which say nothing about what an output means.
const MOST: usize = 1 << 16;

impl TensorProto {
    /// Its numbers; `None` for weights, text, rare types and what is kept in another file.
    pub(super) fn numbers(&self) -> Option<Vec<f64>> {
        let raw = &self.raw_data;
        let numbers: Vec<f64> = match self.data_type {
            _ if raw.len() > MOST * 8 || !self.external_data.is_empty() => return None,
            FLOAT if raw.is_empty() => self.float_data.iter().map(|v| f64::from(*v)).collect(),
            DOUBLE if raw.is_empty() => self.double_data.clone(),
            INT64 if raw.is_empty() => self.int64_data.iter().map(|v| *v as f64).collect(),
            FLOAT16 if raw.is_empty() => {
                let bits = self.int32_data.iter().map(|v| *v as u16);
                bits.map(|bits| f16::from_bits(bits).to_f64()).collect()
            }
            INT32 | INT8 | UINT8 if raw.is_empty() => {
                self.int32_data.iter().map(|v| f64::from(*v)).collect()
            }
            FLOAT => elements(raw, |b| f64::from(f32::from_le_bytes(b))),
            DOUBLE => elements(raw, f64::from_le_bytes),
            INT64 => elements(raw, |b| i64::from_le_bytes(b) as f64),
            INT32 => elements(raw, |b| f64::from(i32::from_le_bytes(b))),
            FLOAT16 => elements(raw, |b| f16::from_le_bytes(b).to_f64()),
            INT8 => elements(raw, |[b]: [u8; 1]| f64::from(b as i8)),
            UINT8 => elements(raw, |[b]: [u8; 1]| f64::from(b)),
            _ => return None,
        };
        (numbers.len() <= MOST && !numbers.is_empty()).then_some(numbers)
    }
}

fn elements<const N: usize>(raw: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    let chunks = raw.as_chunks::<N>().0;
    chunks.iter().map(|bytes| number(*bytes)).collect()
}

impl NodeProto {
    /// The numbers of a `Constant` node.
    pub(super) fn numbers(&self) -> Option<Vec<f64>> {
        let setting = self
            .attribute
            .first()
            .filter(|_| self.op_type == "Constant")?;
        match setting.name.as_str() {
            "value" => setting.t.as_ref()?.numbers(),
            "value_float" => Some(vec![f64::from(setting.f)]),
            "value_int" => Some(vec![setting.i as f64]),
            "value_floats" => Some(setting.floats.iter().map(|v| f64::from(*v)).collect()),
            "value_ints" => Some(setting.ints.iter().map(|v| *v as f64).collect()),
            _ => None,
        }
    }
}

impl GraphProto {
    /// The numbers of constant `name`, be it an initializer or a `Constant` node.
    pub(super) fn constant(&self, name: &str) -> Option<Vec<f64>> {
        match self.initializer.iter().find(|t| t.name == name) {
            Some(tensor) => tensor.numbers(),
            None => self.maker(name)?.numbers(),
        }
    }

    /// The node that makes `value`.
    pub(super) fn maker(&self, value: &str) -> Option<&NodeProto> {
        let mut nodes = self.node.iter().rev();
        nodes.find(|n| n.output.iter().any(|o| o == value))
    }
}
