//! How usearch compares two nodes: with our own kernel instead of its portable C++ loop, which is
//! compiled for baseline x86-64 (measured at 20,000 rows: builds 1.7 times slower). Its `numkong`
//! feature has such kernels too, for a minute and a half of C compilation per build profile.
//!
//! A node is the vector's values followed by the four bytes of its inverse norm, so that a
//! comparison is one dot product and not three. The only unsafe code of this folder.

#![allow(unsafe_code, reason = "usearch hands the two nodes over as raw pointers")]

use usearch::Index;

use super::kernel;

/// Bytes of a node beyond the values.
const NORM_BYTES: usize = size_of::<f32>();

/// Length of a node: what usearch takes for its number of dimensions.
pub(super) fn node_len(dimensions: usize) -> usize {
    dimensions + NORM_BYTES
}

/// Writes the node of a vector into `node`, reusing its memory.
pub(super) fn encode_node(values: &[i8], node: &mut Vec<i8>) {
    node.clear();
    node.extend_from_slice(values);
    let inverse_norm = kernel::inverse_norm(values).to_le_bytes();
    node.extend(inverse_norm.map(u8::cast_signed));
}

/// Makes `index` compare nodes by `1 - cosine`. To be called once on an index, after loading if it
/// is loaded, because loading puts usearch's own metric back.
pub(super) fn install(index: &mut Index, dimensions: usize) {
    let len = node_len(dimensions);
    let distance = move |a: *const i8, b: *const i8| {
        // SAFETY: usearch calls this with pointers to nodes of this index or to a query, and it
        // refuses to store or search slices of any other length than the `node_len` it was made
        // with. They are not written to while an index is searched or added to.
        let (a, b) =
            unsafe { (std::slice::from_raw_parts(a, len), std::slice::from_raw_parts(b, len)) };
        node_distance(a, b)
    };
    index.change_metric::<i8>(Box::new(distance));
}

/// In [0, 2], and 1 for anything that is not a node; never NaN unless a node holds one.
fn node_distance(a: &[i8], b: &[i8]) -> f32 {
    match (decode_node(a), decode_node(b)) {
        (Some((a, a_norm)), Some((b, b_norm))) => 1.0 - kernel::cosine(a, a_norm, b, b_norm),
        _ => 1.0,
    }
}

fn decode_node(node: &[i8]) -> Option<(&[i8], f32)> {
    let (values, inverse_norm) = node.split_last_chunk::<NORM_BYTES>()?;
    Some((values, f32::from_le_bytes(inverse_norm.map(i8::cast_unsigned))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_keeps_the_vector_and_its_norm() {
        let mut node = vec![9; 50];
        encode_node(&[3, -4, 0], &mut node);
        assert_eq!(node.len(), node_len(3));
        assert_eq!(decode_node(&node), Some((&[3, -4, 0][..], 0.2)));
        assert_eq!(decode_node(&[1, 2]), None);
    }

    #[test]
    fn distance_is_one_minus_the_cosine() {
        let node = |values: &[i8]| {
            let mut node = Vec::new();
            encode_node(values, &mut node);
            node
        };
        for (other, expected) in [([10, 0], 0.0), ([0, 5], 1.0), ([-127, 0], 2.0), ([0, 0], 1.0)] {
            let distance = node_distance(&node(&[10, 0]), &node(&other));
            assert!((distance - expected).abs() < 1e-6, "{other:?}: {distance}");
        }
    }
}
