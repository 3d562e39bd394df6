"""The fixtures for users' tests work in a user's project."""

from __future__ import annotations

import pytest

from tests.support.checkout import FUNCTIONS

PLAIN = FUNCTIONS / "plain"

TESTS = """
    import asyncio

    import pytest

    import mastra_convex as mc

    @pytest.mark.parametrize("again", [1, 2])
    def test_each_has_its_own(convex, again):
        docs = mc.ConvexVector(convex).index("docs", dimension=2)
        docs.upsert([[1, 0]], ids=["a"])
        assert docs.describe_index().count == 1

    def test_async(async_convex):
        async def use():
            docs = await mc.AsyncConvexVector(async_convex).index("docs", dimension=2)
            await docs.upsert([[1, 0]], ids=["a"])
            return (await docs.describe_index()).count

        assert asyncio.run(use()) == 1

    @pytest.fixture
    def loop_of_the_thread():
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        yield loop
        assert asyncio.get_event_loop_policy().get_event_loop() is loop
        asyncio.set_event_loop(None)
        loop.close()

    def test_the_threads_loop_stays(loop_of_the_thread, async_convex):
        loop_of_the_thread.run_until_complete(mc.AsyncConvexVector(async_convex).list_indexes())

    def test_code_that_connects_by_itself(convex_url):
        with mc.connect_from_env() as db:
            assert db.url == convex_url
            assert mc.ConvexVector(db).list_indexes() == []
"""


def test_each_test_has_a_deployment_of_its_own(pytester: pytest.Pytester) -> None:
    pytester.makeconftest('pytest_plugins = ["mastra_convex.testing"]')
    pytester.makepyfile(TESTS)
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=5)


def test_the_functions_may_be_the_users(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        f"""
        import pytest

        pytest_plugins = ["mastra_convex.testing"]

        @pytest.fixture
        def convex_functions():
            return {str(PLAIN)!r}
        """
    )
    pytester.makepyfile(
        """
        import mastra_convex as mc

        def test_functions(convex, convex_url):
            for db in (convex, mc.connect_from_env()):
                with db:
                    db.mutation("notes:add", {"text": "Hi"})
                    assert db.query("notes:list") == ["Hi"]
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
