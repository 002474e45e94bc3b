//! Where a micrograph comes from.

use std::fmt;

/// Where a micrograph comes from. As text `NAME:DATASET, DETAILS`, of what there is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// Name of a file, `memory`, or name of a built-in material.
    pub name: String,
    /// Path of the dataset in an HDF5 file.
    pub dataset: Option<String>,
    /// Parameters of a built-in material, the plane of a volume.
    pub details: Option<String>,
}

impl Source {
    /// Has a name alone.
    pub(super) fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Adds details.
    pub(super) fn with(&self, details: &str) -> Self {
        let details = self.details.iter().map(String::as_str).chain([details]).collect::<Vec<_>>().join(", ");
        Self { details: Some(details), ..self.clone() }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, dataset, details } = self;
        write!(to, "{name}")?;
        dataset.iter().try_for_each(|dataset| write!(to, ":{dataset}"))?;
        details.iter().try_for_each(|details| write!(to, ", {details}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_text_of_what_there_is() {
        let file = Source { dataset: Some("cells/phase".into()), ..Source::named("m.h5") };
        assert_eq!([&file, &Source::named("memory")].map(Source::to_string), ["m.h5:cells/phase", "memory"]);
        let plane = file.with("plane 3 across z").with("cut");
        assert_eq!(plane.to_string(), "m.h5:cells/phase, plane 3 across z, cut");
    }
}
