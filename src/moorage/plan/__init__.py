"""What a model will need on which card, before anything runs. Pure: knows sizes, versions and laws; opens no file, asks no device."""
