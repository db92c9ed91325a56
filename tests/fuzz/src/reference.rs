//! Image references, and the names that engines and people give.

use lodeman_domain::container::{ContainerId, ContainerName};
use lodeman_domain::digest::Digest;
use lodeman_domain::image::{ImageReference, Tag};
use lodeman_engine_docker::ApiVersion;

use crate::input::{parts, text};

/// A reference is written as it was read; its normal form is a reference to the same repository and is
/// its own normal form; another tag or digest changes nothing else.
pub(crate) fn image_reference(input: &[u8]) {
    let text = text(input);
    let Ok(reference) = text.parse::<ImageReference>() else { return };
    assert_eq!(reference.to_string(), text, "it is written as it was read");
    let stored = serde_json::to_string(&reference).expect("it can be stored");
    assert_eq!(serde_json::from_str::<ImageReference>(&stored).expect("and read again"), reference);

    let repository = reference.repository();
    let normal: ImageReference = repository.to_string().parse().expect("the normal form is a reference");
    assert_eq!(normal.repository(), repository, "and means the same repository");
    assert_eq!(normal.written_name(), repository.to_string());
    assert!(reference.digest().is_some() || reference.effective_tag().is_some(), "it means something");

    let tag: Tag = "1.2.3-x_y".parse().expect("a tag");
    let tagged = reference.with_tag(tag.clone());
    let again: ImageReference = tagged.to_string().parse().expect("with another tag it is a reference");
    assert_eq!((&again, again.tag(), again.digest()), (&tagged, Some(&tag), None));
    assert_eq!(again.repository(), repository);

    let digest: Digest = format!("sha256:{}", "0a".repeat(32)).parse().expect("a digest");
    let bound = reference.with_digest(digest.clone());
    let again: ImageReference = bound.to_string().parse().expect("bound to a digest it is a reference");
    assert_eq!((again.tag(), again.digest()), (reference.tag(), Some(&digest)));
    let pulled: ImageReference = reference.at_digest(&digest).parse().expect("what is pulled is a reference");
    assert_eq!((pulled.repository(), pulled.digest(), pulled.tag()), (repository, Some(&digest), None));
}

/// A name that is taken is written as it was read, and fits where it will stand: in a path, a file, a line.
pub(crate) fn names(input: &[u8]) {
    let text = text(input);
    let ([line], _) = parts::<1>(&text);
    if let Ok(name) = line.parse::<ContainerName>() {
        assert_eq!(name.as_str(), line.strip_prefix('/').unwrap_or(line));
        assert_eq!(name.as_str().parse().as_ref(), Ok(&name));
        assert!(name.as_str().len() >= 2 && !name.as_str().contains(['/', '%', '?', '#', ' ', '\\']));
        assert!(!name.as_str().starts_with('.'), "a path stays in its folder");
        let _ = lodeman_engine::spec::is_reserved_name(&name);
    }
    if let Ok(id) = line.parse::<ContainerId>() {
        assert_eq!((id.as_str(), id.short().len()), (line, 12));
        assert!(line.parse::<ImageReference>().is_err(), "an id is no reference");
    }
    if let Ok(digest) = line.parse::<Digest>() {
        assert_eq!(digest.as_str(), line);
        assert!(
            digest.hex().len() == 64 && digest.hex().starts_with(digest.short())
                || digest.short().starts_with("sha256:")
        );
    }
    if let Ok(tag) = line.parse::<Tag>() {
        assert_eq!(tag.as_str(), line);
        let reference =
            format!("host.example:5000/a/b:{tag}").parse::<ImageReference>().expect("a reference");
        assert_eq!(reference.tag(), Some(&tag));
    }
    if let Ok(version) = line.parse::<ApiVersion>() {
        let again: ApiVersion = version.to_string().parse().expect("it is read as it is written");
        assert_eq!(again, version);
    }
}
