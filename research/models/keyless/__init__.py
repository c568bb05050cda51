"""The keyless model: rules that read structure and sentences, without any language model."""
