"""One step of a workflow: the document, its order, context and interpolation, and the node types."""
