"""What a person reads afterwards: the run's page, a retraining's comparison, the models' cards."""
