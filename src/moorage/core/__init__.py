"""The nouns, the errors and the settings. Imports none of our other rooms."""
