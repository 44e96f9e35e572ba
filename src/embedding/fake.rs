//! A deterministic embedder for tests: no model, no file, no network. Each word has its own
//! pseudo-random direction and a text is the sum of its words, so texts that share words are
//! similar. It must never be offered by the configuration.

use crate::embedding::{EmbedFuture, Embedder, Embedding};
use crate::types::{EmbedderIdentity, QuantizedVector};

/// See the module.
#[derive(Debug, Clone)]
pub struct FakeEmbedder {
    identity: EmbedderIdentity,
}

impl FakeEmbedder {
    /// An embedder of `dimensions` values per vector; its name is `fake-<dimensions>`.
    #[must_use]
    pub fn new(dimensions: usize) -> Self {
        let name = format!("fake-{dimensions}");
        let hash = *blake3::hash(name.as_bytes()).as_bytes();
        Self { identity: EmbedderIdentity { name, dimensions, hash } }
    }

    fn embed_one(&self, text: &str) -> Embedding {
        let mut sum = vec![0.0_f32; self.identity.dimensions];
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        for word in words {
            let mut direction =
                blake3::Hasher::new().update(word.to_lowercase().as_bytes()).finalize_xof();
            let mut bytes = vec![0_u8; self.identity.dimensions];
            direction.fill(&mut bytes);
            for (total, byte) in sum.iter_mut().zip(bytes) {
                *total += f32::from(byte) - 127.5;
            }
        }
        QuantizedVector::quantize(&sum).unwrap_or(None)
    }
}

impl Embedder for FakeEmbedder {
    fn identity(&self) -> &EmbedderIdentity {
        &self.identity
    }

    fn embed<'a>(&'a self, texts: &'a [&'a str]) -> EmbedFuture<'a> {
        Box::pin(async move { Ok(texts.iter().map(|text| self.embed_one(text)).collect()) })
    }

    fn is_ready(&self) -> bool {
        true
    }

    fn is_cpu_bound(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedding::embed_blocking;

    fn cosine(a: &str, b: &str) -> f32 {
        let vectors = embed_blocking(&FakeEmbedder::new(64), &[a, b]).expect("embeds");
        let [Some(a), Some(b)] = vectors.as_slice() else { panic!("no direction: {vectors:?}") };
        let products = a.values.iter().zip(&b.values).map(|(a, b)| f32::from(*a) * f32::from(*b));
        products.sum::<f32>() * a.scale * b.scale
    }

    #[test]
    fn texts_that_share_words_are_similar_and_others_are_not() {
        assert!(cosine("the red bicycle", "The RED bicycle!") > 0.99);
        assert!(cosine("the red bicycle", "the blue bicycle") > 0.4);
        assert!(cosine("the red bicycle", "nobody knows why").abs() < 0.4);
    }

    #[test]
    fn a_text_without_words_has_no_direction() {
        let vectors = embed_blocking(&FakeEmbedder::new(8), &["", " ?! "]).expect("embeds");
        assert_eq!(vectors, [None, None]);
    }

    #[test]
    fn the_identity_names_the_dimensions() {
        let fake = FakeEmbedder::new(16);
        assert_eq!(fake.identity().name, "fake-16");
        assert_ne!(fake.identity().hash, FakeEmbedder::new(17).identity().hash);
    }
}
