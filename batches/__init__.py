"""Running many: batches, the queue, executions, engines, browsers, events, the store."""
