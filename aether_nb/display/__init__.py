"""From events to pictures: fold, DOT, SVG, text, HTML. Knows no kernel and no engine."""
