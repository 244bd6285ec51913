"""Pretext tasks of the live recurrent encoder: windows of a stream, judged by forecasts in input space."""
