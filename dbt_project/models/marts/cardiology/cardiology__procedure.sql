{{ config(meta={'key': ['procedure_key']}) }}

{{ mart_procedure('cardiology') }}
