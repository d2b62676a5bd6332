"""From stored predictions to numbers: metrics, confusions, comparisons. Nothing is drawn here."""
