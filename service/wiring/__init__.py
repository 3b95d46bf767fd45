"""The composition root: the only folder that names concrete classes, a builder per verb."""
