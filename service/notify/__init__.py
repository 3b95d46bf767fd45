"""News to people and systems: HL7 v2, webhooks, e-mail and UPS workitems, a thread per target."""
