"""What several families of readers use."""
