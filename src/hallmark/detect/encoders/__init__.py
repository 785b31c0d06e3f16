"""Parts of the encoder detector: vocabularies, networks, crops, training, others' weights."""
