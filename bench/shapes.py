"""The school that every server under test answers from, and the three questions asked of it.

Small is 5 fields, medium 584 fields in three levels, large 1,000 objects of 8 fields (about 180 KB).
"""

from typing import Any

SDL = """
schema { query: Query }
"Roots."
type Query @aws_api_key {
  "The course page."
  course: Course @aws_api_key
  "A long flat list."
  lessons: [Lesson!]! @aws_api_key
}
"A course."
type Course @aws_api_key {
  id: ID!
  title: String!
  summary: String
  level: String!
  language: String!
  version: Int!
  modules: [Module!]!
}
"A chapter."
type Module @aws_api_key {
  id: ID!
  title: String!
  rank: String!
  lessons: [Lesson!]!
}
"A lesson."
type Lesson @aws_api_key {
  id: ID!
  title: String!
  kind: String!
  rank: String!
  isPreview: Boolean!
  durationSeconds: Int!
  version: Int!
  summary: String
}
"""

QUERIES = {
    "small": "query Small { course { id title level language } }",
    "medium": """query Medium { course { id title summary level language version
        modules { id title rank lessons { id title kind rank } } } }""",
    "large": "query Large { lessons { id title kind rank isPreview durationSeconds version summary } }",
}


def lesson(number: int) -> dict[str, Any]:
    return {
        "id": f"01HZCOURSE.01HZLESSON{number:06}",
        "title": f"Lesson {number}: from question to proof",
        "kind": "ARTICLE",
        "rank": f"a{number:05}",
        "isPreview": number % 7 == 0,
        "durationSeconds": 60 * (number % 30 + 1),
        "version": number % 9 + 1,
        "summary": None if number % 5 == 0 else "A short text about it.",
    }


def school() -> dict[str, Any]:
    """The answer data, keyed by root field."""
    modules = [
        {
            "id": f"01HZCOURSE.01HZMODULE{number:06}",
            "title": f"Module {number}",
            "rank": f"a{number:03}",
            "lessons": [lesson(number * 5 + place) for place in range(5)],
        }
        for number in range(24)
    ]
    course = {
        "id": "01HZCOURSE",
        "title": "Proofs without fear",
        "summary": "How to read, find and write a proof.",
        "level": "BEGINNER",
        "language": "en",
        "version": 7,
        "modules": modules,
    }
    return {"course": course, "lessons": [lesson(number) for number in range(1000)]}
