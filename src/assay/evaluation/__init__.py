"""From stored predictions to numbers: metrics, confusion matrix, errors. No figure is drawn here."""
