"""What a notebook shows and a learner clicks on."""
