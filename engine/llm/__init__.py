"""Language models as a layer: tasks in, validated answers out; resumable jobs; interchangeable backends."""
