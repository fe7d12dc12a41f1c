async def test_x(client, graph):
    for n in range(3):
        r = await client.post("/v1/objectives", json={"title": f"o{n}"})
        assert r.status_code == 201
    print(await graph("{ objectives(first: 2) { totalCount pageInfo { hasNextPage endCursor } nodes { id title status createdAt goalOwner { name } outcomes { nodes { title } } } edges { cursor } } tenant { id name slug zone } changes { nodes { type resourceId resource { __typename id } } } }"))
    print(await graph("{ objective(id: \"obj_01h455vb4pex5vsknk084sn02q\") { id } node(id: \"x\") {id} }"))
