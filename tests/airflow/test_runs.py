def test_probe(site):
    site.config("a"); site.config("b")
    r = site.dag_test()
    print({k: (v.states, v.xcoms, v.rendered, v.tries, v.run_dir) for k, v in r.items()})
    print(r["elpa_a"].task_log("online.on"))
    print(r["elpa_a"].policy)
    assert 0
