"""What a buyer sees before and after they buy: the static catalogue, and the buyer's pages on the
delivery service. Rules about licences belong to `licensing`, figures of a release to `releases`.
"""
