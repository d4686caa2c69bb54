"""From records to what a page draws: pure functions, one module a subject, so that no page and no script decides anything."""
