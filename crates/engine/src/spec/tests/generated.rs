//! Generated shapes: whatever a user asked for survives, whatever an image brought follows the image.
