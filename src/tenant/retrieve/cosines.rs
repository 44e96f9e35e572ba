//! The cosines of a domain's rows with a question, as far as they can be had in time.

use crate::engine::atom::Depth;
use crate::engine::centring::Centring;
use crate::engine::query::QueryPlan;
use crate::engine::retrieval::Dense;
use crate::index::QueryVector;
use crate::tenant::domain::Domain;
use crate::tenant::{Tenant, TenantError};

/// Buffers reused from question to question.
#[derive(Default)]
pub(super) struct CosineBuffers {
    /// One entry per row.
    pub values: Vec<f32>,
    /// Cosines with the domain's centre, one per row.
    centre: Vec<f32>,
    sample: Vec<u32>,
}

impl Tenant {
    /// Cosines of a domain's rows: of all of them while it scans exactly, else of the nearest, of
    /// those that hold a word of the question, and of a sample. In depth without what all rows have
    /// in common.
    pub(super) fn cosines_of<'b>(
        &self,
        domain: &Domain,
        plan: &QueryPlan,
        direction: Option<&QueryVector>,
        depth: Depth,
        buffers: &'b mut CosineBuffers,
    ) -> Result<Dense<'b>, TenantError> {
        let Some(direction) = direction else {
            buffers.values.clear();
            return Ok(Dense::All(&buffers.values));
        };
        let is_exact = domain.vectors.scans_exactly();
        if is_exact {
            domain.vectors.score_all(direction, &mut buffers.values);
        } else {
            self.score_some(domain, plan, direction, buffers)?;
        }
        if depth == Depth::Deep {
            self.take_centre_off(domain, direction, is_exact, buffers);
        }
        let CosineBuffers { values, sample, .. } = buffers;
        Ok(if is_exact { Dense::All(values) } else { Dense::Some { values, sample } })
    }

    fn score_some(
        &self,
        domain: &Domain,
        plan: &QueryPlan,
        direction: &QueryVector,
        buffers: &mut CosineBuffers,
    ) -> Result<(), TenantError> {
        let CosineBuffers { values: cosines, sample, .. } = buffers;
        let params = &self.params.retrieval;
        cosines.clear();
        cosines.resize(domain.rows.len(), 0.0);
        let step = (domain.rows.len() / params.sample_rows.max(1)).max(1);
        sample.clear();
        sample.extend((0_u32..).take(domain.rows.len()).step_by(step));
        let nearest = domain.vectors.nearest(direction, params.dense_candidates)?;
        let mut keep = |row: u32, cosine: f32| {
            if let Some(slot) = cosines.get_mut(row as usize) {
                *slot = cosine;
            }
        };
        let matching = plan.matching_rows(&domain.memory, params.lexical_candidates);
        for row in sample.iter().chain(&matching) {
            keep(*row, domain.vectors.score(direction, *row));
        }
        for (row, cosine) in nearest {
            keep(row, cosine);
        }
        Ok(())
    }

    /// Replaces the cosines that are known, all but 0, by those without the domain's centre.
    fn take_centre_off(
        &self,
        domain: &Domain,
        direction: &QueryVector,
        is_exact: bool,
        buffers: &mut CosineBuffers,
    ) {
        let params = &self.params.retrieval;
        let Some(centre) = domain.vectors.centre(params.sample_rows) else { return };
        let question = direction.cosine(&centre.direction);
        let centring = Centring::new(centre.length, centre.vector_count, question, params);
        let CosineBuffers { values, centre: with_centre, .. } = buffers;
        if is_exact {
            domain.vectors.score_all(&centre.direction, with_centre);
            for (value, with_centre) in values.iter_mut().zip(with_centre) {
                *value = centring.apply(*value, *with_centre);
            }
            return;
        }
        for (row, value) in (0_u32..).zip(values) {
            if value.abs() > 0.0 {
                *value = centring.apply(*value, domain.vectors.score(&centre.direction, row));
            }
        }
    }
}
