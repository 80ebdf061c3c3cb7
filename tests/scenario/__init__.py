"""The five-hop scenario: facts about its generator, and the borders that its audit must name."""
