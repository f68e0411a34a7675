"""The pages: one file per noun, each with its routes, its forms and the typed contexts of its templates."""
