{{ config(meta={'key': ['diagnosis_key']}) }}

{{ mart_diagnosis('ophthalmology') }}
